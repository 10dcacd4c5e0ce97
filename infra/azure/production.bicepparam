// For good: autoscale over zones, identities alone, no way in but a private endpoint.
using './main.bicep'

param capacity = 'autoscale'
param zoneRedundant = true
param sharedThroughput = true
param maxThroughput = 4000
param disableLocalAuth = true
param publicNetworkAccess = 'Disabled'
param backupTier = 'Continuous30Days'
