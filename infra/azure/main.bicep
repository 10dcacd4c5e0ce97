// Azure Cosmos DB for bacalhau-cosmos, in one resource group: account, containers, roles, alerts and budget, and a
// private endpoint where a subnet is given. docs/azure.md has the commands. Parsed and checked by `make infra-check`;
// never deployed yet.
targetScope = 'resourceGroup'

@description('Name of the account, part of its address: lower-case letters, digits and hyphens.')
@minLength(3)
@maxLength(44)
param accountName string = 'bacalhau-${uniqueString(resourceGroup().id)}'

@description('Region of everything that has one.')
param location string = resourceGroup().location

@description('Serverless is paid by the request unit and has one region; autoscale is paid by the hour.')
@allowed([
  'serverless'
  'autoscale'
])
param capacity string = 'serverless'

@description('Whether each region spreads over its zones. Not every region has zones.')
param zoneRedundant bool = false

@description('Regions beside `location`, in the order of failover. None with serverless.')
param otherRegions array = []

@description('Whether keys are refused, so that only identities get in.')
param disableLocalAuth bool = true

@description('Whether addresses of the Internet may reach the account at all; then `allowedAddresses` says which.')
@allowed([
  'Disabled'
  'Enabled'
])
param publicNetworkAccess string = 'Disabled'

@description('IPv4 addresses or CIDR ranges that the firewall lets in. Without any the public network stays disabled.')
param allowedAddresses array = []

@description('How far back the account can be restored to any second. Thirty days are charged for, seven are not.')
@allowed([
  'Continuous7Days'
  'Continuous30Days'
])
param backupTier string = 'Continuous7Days'

@description('Whether this is the one account of the subscription with the free tier (not with serverless).')
param freeTier bool = false

@description('COSMOS_DATABASE.')
param databaseName string = 'SensorData'

@description('COSMOS_CONTAINER: the container of the readings.')
param readingsName string = 'readings'

@description('The setting `indexed`: container -> all paths that it indexes, for those that differ.')
param indexed object = {}

@description('The setting `ttl` in seconds, -1 for never: container -> when its documents expire.')
param ttlSeconds object = {}

@description('Whether all containers share the throughput of the database, else each has its own. For autoscale.')
param sharedThroughput bool = true

@description('Autoscale maximum in RU/s, in thousands: of the database when shared, else of each container.')
@minValue(1000)
param maxThroughput int = 1000

@description('Object ids of identities that run everything: Cosmos DB Built-in Data Contributor.')
param nodePrincipalIds array = []

@description('Object ids of identities that only write: edge-writer.')
param writerPrincipalIds array = []

@description('Object ids of identities that write, look back and check: edge-verifier.')
param verifierPrincipalIds array = []

@description('Object ids of dashboards and people that only read: Cosmos DB Built-in Data Reader.')
param readerPrincipalIds array = []

@description('Object ids of operators of the control plane: Cosmos DB Operator.')
param operatorPrincipalIds array = []

@description('What the operators are, for Azure to accept identities that are new.')
@allowed([
  'User'
  'Group'
  'ServicePrincipal'
])
param operatorPrincipalType string = 'User'

@description('Who is told of alerts and of the budget.')
param alertEmails array = []

@description('Throttled requests of a container within five minutes from which on it is told.')
param throttledRequests int = 100

@description('Gigabytes of documents from which on it is told; a physical partition has 50.')
param storageGigabytes int = 40

@description('Cost of the resource group in a month, in the currency of the subscription; 0 for no budget.')
param budgetAmount int = 0

@description('First day of the month in which the budget is first deployed, such as 2026-12-01. Azure refuses to move it.')
param budgetStart string = ''

@description('Resource id of the subnet for a private endpoint; empty for none.')
param subnetId string = ''

@description('Resource id of the virtual network that is to resolve the account privately; empty for none.')
param virtualNetworkId string = ''

// Each module is told names, not outputs of another: `what-if` cannot name what is called by an output.
module account 'modules/account.bicep' = {
  name: 'account'
  params: {
    accountName: accountName
    location: location
    capacity: capacity
    zoneRedundant: zoneRedundant
    otherRegions: otherRegions
    disableLocalAuth: disableLocalAuth
    // Enabled without addresses would let everybody in to the door.
    publicNetworkAccess: empty(allowedAddresses) ? 'Disabled' : publicNetworkAccess
    allowedAddresses: allowedAddresses
    backupTier: backupTier
    freeTier: freeTier
  }
}

module containers 'modules/containers.bicep' = {
  name: 'containers'
  params: {
    accountName: accountName
    databaseName: databaseName
    readingsName: readingsName
    indexed: indexed
    ttlSeconds: ttlSeconds
    autoscale: (capacity == 'autoscale')
    sharedThroughput: sharedThroughput
    maxThroughput: maxThroughput
  }
  dependsOn: [
    account
  ]
}

module roles 'modules/roles.bicep' = {
  name: 'roles'
  params: {
    accountName: accountName
    databaseName: databaseName
    nodePrincipalIds: nodePrincipalIds
    writerPrincipalIds: writerPrincipalIds
    verifierPrincipalIds: verifierPrincipalIds
    readerPrincipalIds: readerPrincipalIds
    operatorPrincipalIds: operatorPrincipalIds
    operatorPrincipalType: operatorPrincipalType
  }
  dependsOn: [
    containers
  ]
}

module monitoring 'modules/monitoring.bicep' = {
  name: 'monitoring'
  params: {
    accountName: accountName
    autoscale: (capacity == 'autoscale')
    alertEmails: alertEmails
    throttledRequests: throttledRequests
    storageGigabytes: storageGigabytes
    budgetAmount: budgetAmount
    budgetStart: budgetStart
  }
  dependsOn: [
    account
  ]
}

module endpoint 'modules/endpoint.bicep' = if (!empty(subnetId)) {
  name: 'endpoint'
  params: {
    accountName: accountName
    location: location
    subnetId: subnetId
    virtualNetworkId: virtualNetworkId
  }
  dependsOn: [
    account
  ]
}

@description('COSMOS_ENDPOINT.')
output endpoint string = account.outputs.endpoint

@description('For `az cosmosdb ... --account-name`.')
output accountName string = accountName
