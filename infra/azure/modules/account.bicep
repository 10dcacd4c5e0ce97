// The account. Properties and API version: Microsoft.DocumentDB databaseAccounts 2024-11-15 in the template reference
// (learn.microsoft.com/azure/templates/microsoft.documentdb/databaseaccounts). Backup tiers: "Continuous backup with
// point-in-time restore"; serverless by the capability EnableServerless, which has one region.

param accountName string
param location string
param capacity string
param zoneRedundant bool
param otherRegions array
param disableLocalAuth bool = true
param publicNetworkAccess string = 'Disabled'
param allowedAddresses array
param backupTier string
param freeTier bool

var regions = concat([location], otherRegions)

resource account 'Microsoft.DocumentDB/databaseAccounts@2024-11-15' = {
  name: accountName
  location: location
  kind: 'GlobalDocumentDB'
  properties: {
    databaseAccountOfferType: 'Standard'
    capabilities: (capacity == 'serverless') ? [{ name: 'EnableServerless' }] : []
    consistencyPolicy: {
      defaultConsistencyLevel: 'Session'
    }
    locations: [for (region, index) in regions: {
      locationName: region
      failoverPriority: index
      isZoneRedundant: zoneRedundant
    }]
    enableAutomaticFailover: (length(otherRegions) > 0)
    enableMultipleWriteLocations: false
    enableFreeTier: freeTier
    minimalTlsVersion: 'Tls12'
    disableLocalAuth: disableLocalAuth
    // With keys, `bacalhau-cosmos cosmos create` may create and change containers; without, Bicep and operators do.
    disableKeyBasedMetadataWriteAccess: disableLocalAuth
    publicNetworkAccess: publicNetworkAccess
    networkAclBypass: 'None'
    ipRules: [for address in allowedAddresses: {
      ipAddressOrRange: address
    }]
    backupPolicy: {
      type: 'Continuous'
      continuousModeProperties: {
        tier: backupTier
      }
    }
  }
}

output endpoint string = account.properties.documentEndpoint
