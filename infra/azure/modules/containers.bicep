// The database and its containers, as processors/containers/containers.json describes them, which the Python code reads too.
// Properties and API version: Microsoft.DocumentDB databaseAccounts/sqlDatabases and .../containers 2024-11-15 in the
// template reference. Without a path that ends in /? nothing is indexed but `id` and `_ts` ("Indexing policies in Azure
// Cosmos DB"); a partition key of several levels has the kind MultiHash and version 2 ("Hierarchical partition keys").

param accountName string
param databaseName string
param readingsName string
param indexed object
param ttlSeconds object
param autoscale bool
param sharedThroughput bool
param maxThroughput int

var described = loadJsonContent('../../../processors/containers/containers.json')
var throughput = { autoscaleSettings: { maxThroughput: maxThroughput } }

resource account 'Microsoft.DocumentDB/databaseAccounts@2024-11-15' existing = {
  name: accountName
}

resource database 'Microsoft.DocumentDB/databaseAccounts/sqlDatabases@2024-11-15' = {
  parent: account
  name: databaseName
  properties: {
    resource: {
      id: databaseName
    }
    options: (autoscale && sharedThroughput) ? throughput : {}
  }
}

resource container 'Microsoft.DocumentDB/databaseAccounts/sqlDatabases/containers@2024-11-15' = [for each in described: {
  parent: database
  name: (each.role == 'readings') ? readingsName : each.role
  properties: {
    resource: {
      id: (each.role == 'readings') ? readingsName : each.role
      partitionKey: {
        paths: each.partitionKey
        kind: (length(each.partitionKey) > 1) ? 'MultiHash' : 'Hash'
        version: 2
      }
      indexingPolicy: {
        indexingMode: 'consistent'
        automatic: true
        includedPaths: [for path in (contains(indexed, each.role) ? indexed[each.role] : each.indexed): {
          path: '${path}/?'
        }]
        excludedPaths: [
          {
            path: '/*'
          }
        ]
      }
      defaultTtl: contains(ttlSeconds, each.role) ? ttlSeconds[each.role] : each.ttlSeconds
    }
    options: (autoscale && !sharedThroughput) ? throughput : {}
  }
}]
