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
//   operator        deployments of these files: with keys disabled also what `cosmos create` does; throughput
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

// One at a time: an account takes one change of its roles at a time.
@batchSize(1)
resource nodes 'Microsoft.DocumentDB/databaseAccounts/sqlRoleAssignments@2024-11-15' = [for principal in nodePrincipalIds: {
  parent: account
  name: guid(account.id, principal, contributorRole)
  properties: {
    roleDefinitionId: '${account.id}/sqlRoleDefinitions/${contributorRole}'
    principalId: principal
    scope: account.id
  }
}]

@batchSize(1)
resource readers 'Microsoft.DocumentDB/databaseAccounts/sqlRoleAssignments@2024-11-15' = [for principal in readerPrincipalIds: {
  parent: account
  name: guid(account.id, principal, readerRole)
  properties: {
    roleDefinitionId: '${account.id}/sqlRoleDefinitions/${readerRole}'
    principalId: principal
    scope: account.id
  }
}]

@batchSize(1)
resource writers 'Microsoft.DocumentDB/databaseAccounts/sqlRoleAssignments@2024-11-15' = [for principal in writerPrincipalIds: {
  parent: account
  name: guid(account.id, principal, edgeWriter.name)
  properties: {
    roleDefinitionId: edgeWriter.id
    principalId: principal
    scope: account.id
  }
}]

@batchSize(1)
resource verifiers 'Microsoft.DocumentDB/databaseAccounts/sqlRoleAssignments@2024-11-15' = [for principal in verifierPrincipalIds: {
  parent: account
  name: guid(account.id, principal, edgeVerifier.name)
  properties: {
    roleDefinitionId: edgeVerifier.id
    principalId: principal
    scope: account.id
  }
}]

@batchSize(1)
resource checkers 'Microsoft.DocumentDB/databaseAccounts/sqlRoleAssignments@2024-11-15' = [for principal in verifierPrincipalIds: {
  parent: account
  name: guid(account.id, principal, edgeCheck.name)
  properties: {
    roleDefinitionId: edgeCheck.id
    principalId: principal
    scope: '${account.id}/dbs/${databaseName}/colls/${runsName}'
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
