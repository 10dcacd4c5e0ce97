// To try it: paid by the request unit, reached over the Internet from the addresses that are given on the command line
// as `allowedAddresses`; from none without them.
using './main.bicep'

param capacity = 'serverless'
param publicNetworkAccess = 'Enabled'
// Given on the command line; older compilers take there only what is here too.
param allowedAddresses = []
param verifierPrincipalIds = []
param disableLocalAuth = true
param backupTier = 'Continuous7Days'
