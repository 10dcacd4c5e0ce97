// A private endpoint, and the zone that resolves the account to it. Group id and zone: "Azure Private Endpoint private
// DNS zone values" (Sql, privatelink.documents.azure.com). Shapes: Microsoft.Network privateEndpoints 2023-11-01 and
// privateDnsZones 2020-06-01.

param accountName string
param location string
param subnetId string
param virtualNetworkId string

var zoneName = 'privatelink.documents.azure.com'

resource account 'Microsoft.DocumentDB/databaseAccounts@2024-11-15' existing = {
  name: accountName
}

resource endpoint 'Microsoft.Network/privateEndpoints@2023-11-01' = {
  name: '${accountName}-endpoint'
  location: location
  properties: {
    subnet: {
      id: subnetId
    }
    privateLinkServiceConnections: [
      {
        name: 'account'
        properties: {
          privateLinkServiceId: account.id
          groupIds: [
            'Sql'
          ]
        }
      }
    ]
  }
}

resource zone 'Microsoft.Network/privateDnsZones@2020-06-01' = {
  name: zoneName
  location: 'global'
}

resource link 'Microsoft.Network/privateDnsZones/virtualNetworkLinks@2020-06-01' = if (!empty(virtualNetworkId)) {
  parent: zone
  name: '${accountName}-link'
  location: 'global'
  properties: {
    registrationEnabled: false
    virtualNetwork: {
      id: virtualNetworkId
    }
  }
}

resource group 'Microsoft.Network/privateEndpoints/privateDnsZoneGroups@2023-11-01' = {
  parent: endpoint
  name: 'zone'
  properties: {
    privateDnsZoneConfigs: [
      {
        name: 'documents'
        properties: {
          privateDnsZoneId: zone.id
        }
      }
    ]
  }
}
