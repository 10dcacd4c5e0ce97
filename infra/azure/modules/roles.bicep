// Who may do what. Data plane: the actions are those of "Azure Cosmos DB for NoSQL data plane actions reference", the
// built-in definitions 00000000-0000-0000-0000-000000000001 (reader) and ...0002 (contributor) those of "... data plane
// roles reference". Data-plane roles cannot create, change or delete databases and containers. Control plane: 'Cosmos DB
// Operator' (230815da-be43-4aae-9cb4-875f7bd000aa in "Azure built-in roles for Databases") manages accounts, databases,
// containers and throughput, and can read neither keys nor data.
//
// What our commands need (docs/azure.md has the table):
//   edge-writer     run, submit, ingest jobs
//   edge-verifier   the same, and verify, query, skipping of replays, cosmos check with edge-check
//   edge-check      deletion in `runs`, where cosmos check writes a document and deletes it again
//   reader          query, anomalies, dashboards
//   contributor     all of that, sensors clean, plan --probe
//   operator        containers and throughput (`az cosmosdb sql ...`, `cosmos scale`); not these files: it is denied
//                   sqlRoleDefinitions/write and sqlRoleAssignments/write
//
// A client first reads the account itself, so readMetadata has to hold at its scope ("... does not have required RBAC
// permissions to perform action [.../readMetadata] on resource [/]"): the roles of the edge are given there.

param accountName string
param databaseName string
param nodePrincipalIds array
param writerPrincipalIds array
param verifierPrincipalIds array
param readerPrincipalIds array
param operatorPrincipalIds array
param operatorPrincipalType string

var readerRole = '00000000-0000-0000-0000-000000000001'
var contributorRole = '00000000-0000-0000-0000-000000000002'
var cosmosDbOperatorRole = '230815da-be43-4aae-9cb4-875f7bd000aa'
var runsName = 'runs'

resource account 'Microsoft.DocumentDB/databaseAccounts@2024-11-15' existing = {
  name: accountName
}

// One after the other, all the way down: an account takes one change of its roles at a time, else 412, "another user
// operation in progress which requires an exclusive lock".
resource edgeWriter 'Microsoft.DocumentDB/databaseAccounts/sqlRoleDefinitions@2024-11-15' = {
  parent: account
  name: guid(account.id, 'edge-writer')
  properties: {
    roleName: 'bacalhau-cosmos edge-writer'
    type: 'CustomRole'
    assignableScopes: [
      account.id
    ]
    permissions: [
      {
        dataActions: [
          'Microsoft.DocumentDB/databaseAccounts/readMetadata'
          'Microsoft.DocumentDB/databaseAccounts/sqlDatabases/containers/items/create'
          'Microsoft.DocumentDB/databaseAccounts/sqlDatabases/containers/items/upsert'
        ]
      }
    ]
  }
}

resource edgeVerifier 'Microsoft.DocumentDB/databaseAccounts/sqlRoleDefinitions@2024-11-15' = {
  parent: account
  name: guid(account.id, 'edge-verifier')
  dependsOn: [
    edgeWriter
  ]
  properties: {
    roleName: 'bacalhau-cosmos edge-verifier'
    type: 'CustomRole'
    assignableScopes: [
      account.id
    ]
    permissions: [
      {
        // No readChangeFeed: no command of ours reads it.
        dataActions: [
          'Microsoft.DocumentDB/databaseAccounts/readMetadata'
          'Microsoft.DocumentDB/databaseAccounts/sqlDatabases/containers/items/create'
          'Microsoft.DocumentDB/databaseAccounts/sqlDatabases/containers/items/upsert'
          'Microsoft.DocumentDB/databaseAccounts/sqlDatabases/containers/items/read'
          'Microsoft.DocumentDB/databaseAccounts/sqlDatabases/containers/executeQuery'
        ]
      }
    ]
  }
}

resource edgeCheck 'Microsoft.DocumentDB/databaseAccounts/sqlRoleDefinitions@2024-11-15' = {
  parent: account
  name: guid(account.id, 'edge-check')
  dependsOn: [
    edgeVerifier
  ]
  properties: {
    roleName: 'bacalhau-cosmos edge-check'
    type: 'CustomRole'
    assignableScopes: [
      account.id
    ]
    permissions: [
      {
        dataActions: [
          'Microsoft.DocumentDB/databaseAccounts/sqlDatabases/containers/items/delete'
        ]
      }
    ]
  }
}

var nodeRoles = [for principal in nodePrincipalIds: {
  principal: principal
  role: '${account.id}/sqlRoleDefinitions/${contributorRole}'
  scope: account.id
}]
var readerRoles = [for principal in readerPrincipalIds: {
  principal: principal
  role: '${account.id}/sqlRoleDefinitions/${readerRole}'
  scope: account.id
}]
var writerRoles = [for principal in writerPrincipalIds: {
  principal: principal
  role: edgeWriter.id
  scope: account.id
}]
var verifierRoles = [for principal in verifierPrincipalIds: {
  principal: principal
  role: edgeVerifier.id
  scope: account.id
}]
var checkerRoles = [for principal in verifierPrincipalIds: {
  principal: principal
  role: edgeCheck.id
  scope: '${account.id}/dbs/${databaseName}/colls/${runsName}'
}]

// One loop for all: @batchSize holds within a loop only, and a dependency on a loop without items is none.
@batchSize(1)
resource assignments 'Microsoft.DocumentDB/databaseAccounts/sqlRoleAssignments@2024-11-15' = [for each in concat(nodeRoles, readerRoles, writerRoles, verifierRoles, checkerRoles): {
  parent: account
  name: guid(account.id, each.principal, each.role)
  properties: {
    roleDefinitionId: each.role
    principalId: each.principal
    scope: each.scope
  }
}]

resource operators 'Microsoft.Authorization/roleAssignments@2022-04-01' = [for principal in operatorPrincipalIds: {
  scope: account
  name: guid(account.id, principal, cosmosDbOperatorRole)
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', cosmosDbOperatorRole)
    principalId: principal
    principalType: operatorPrincipalType
  }
}]
