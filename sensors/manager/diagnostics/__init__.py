"""Whether a project and this machine are well, check by check, each with what to do when it is not.

One file for each group of checks; `everything` puts them together. Nothing here changes the project.
"""
