// Alerts and a budget. Metrics, their aggregations, dimensions and grains: "Supported metrics for
// Microsoft.DocumentDB/DatabaseAccounts" (TotalRequests: Count, by StatusCode and CollectionName; NormalizedRUConsumption:
// the maximum of each minute, by CollectionName and PhysicalPartitionId, from PT1M; DataUsage: Maximum among others, by
// CollectionName, from PT5M). Shapes: Microsoft.Insights metricAlerts 2018-03-01 and actionGroups 2023-01-01,
// Microsoft.Consumption budgets 2023-11-01.

param accountName string
param autoscale bool
param alertEmails array
param throttledRequests int
param storageGigabytes int
param budgetAmount int
param budgetStart string

var frequency = 'PT5M'
var bytesOfGigabyte = 1073741824
var perContainer = [
  {
    name: 'CollectionName'
    operator: 'Include'
    values: [
      '*'
    ]
  }
]
var perPartition = [
  {
    name: 'PhysicalPartitionId'
    operator: 'Include'
    values: [
      '*'
    ]
  }
]

resource account 'Microsoft.DocumentDB/databaseAccounts@2024-11-15' existing = {
  name: accountName
}

resource people 'Microsoft.Insights/actionGroups@2023-01-01' = {
  name: '${accountName}-people'
  location: 'global'
  properties: {
    groupShortName: 'cosmos'
    enabled: true
    emailReceivers: [for (email, index) in alertEmails: {
      name: 'email-${index}'
      emailAddress: email
      useCommonAlertSchema: true
    }]
  }
}

resource throttled 'Microsoft.Insights/metricAlerts@2018-03-01' = {
  name: '${accountName}-throttled'
  location: 'global'
  properties: {
    description: 'A container answers 429 to many requests: its maximum is too low, or one sensor or city is too hot.'
    severity: 2
    enabled: true
    scopes: [
      account.id
    ]
    evaluationFrequency: frequency
    windowSize: 'PT5M'
    criteria: {
      'odata.type': 'Microsoft.Azure.Monitor.SingleResourceMultipleMetricCriteria'
      allOf: [
        {
          criterionType: 'StaticThresholdCriterion'
          name: 'throttled'
          metricNamespace: 'Microsoft.DocumentDB/databaseAccounts'
          metricName: 'TotalRequests'
          dimensions: [
            {
              name: 'StatusCode'
              operator: 'Include'
              values: [
                '429'
              ]
            }
            {
              name: 'CollectionName'
              operator: 'Include'
              values: [
                '*'
              ]
            }
          ]
          timeAggregation: 'Count'
          operator: 'GreaterThan'
          threshold: throttledRequests
        }
      ]
    }
    actions: [
      {
        actionGroupId: people.id
      }
    ]
  }
}

resource nearMaximum 'Microsoft.Insights/metricAlerts@2018-03-01' = if (autoscale) {
  name: '${accountName}-near-maximum'
  location: 'global'
  properties: {
    description: 'A partition has used over 90 % of its maximum, on average over a quarter of an hour.'
    severity: 3
    enabled: true
    scopes: [
      account.id
    ]
    evaluationFrequency: frequency
    windowSize: 'PT15M'
    criteria: {
      'odata.type': 'Microsoft.Azure.Monitor.SingleResourceMultipleMetricCriteria'
      allOf: [
        {
          criterionType: 'StaticThresholdCriterion'
          name: 'near-maximum'
          metricNamespace: 'Microsoft.DocumentDB/databaseAccounts'
          metricName: 'NormalizedRUConsumption'
          // Average over the quarter of an hour, of one partition: without the second dimension, over all partitions.
          dimensions: concat(perContainer, perPartition)
          timeAggregation: 'Average'
          operator: 'GreaterThan'
          threshold: 90
        }
      ]
    }
    actions: [
      {
        actionGroupId: people.id
      }
    ]
  }
}

resource storage 'Microsoft.Insights/metricAlerts@2018-03-01' = {
  name: '${accountName}-storage'
  location: 'global'
  properties: {
    description: 'The documents of a container have grown: shorten its TTL, or see what `plan` says of its partitions.'
    severity: 3
    enabled: true
    scopes: [
      account.id
    ]
    evaluationFrequency: 'PT1H'
    windowSize: 'PT1H'
    criteria: {
      'odata.type': 'Microsoft.Azure.Monitor.SingleResourceMultipleMetricCriteria'
      allOf: [
        {
          criterionType: 'StaticThresholdCriterion'
          name: 'storage'
          metricNamespace: 'Microsoft.DocumentDB/databaseAccounts'
          metricName: 'DataUsage'
          dimensions: perContainer
          timeAggregation: 'Maximum'
          operator: 'GreaterThan'
          threshold: storageGigabytes * bytesOfGigabyte
        }
      ]
    }
    actions: [
      {
        actionGroupId: people.id
      }
    ]
  }
}

resource budget 'Microsoft.Consumption/budgets@2023-11-01' = if ((budgetAmount > 0) && !empty(budgetStart)) {
  name: '${accountName}-month'
  properties: {
    category: 'Cost'
    amount: budgetAmount
    timeGrain: 'Monthly'
    timePeriod: {
      startDate: budgetStart
    }
    notifications: {
      actual80: {
        enabled: true
        operator: 'GreaterThan'
        threshold: 80
        thresholdType: 'Actual'
        contactEmails: alertEmails
        contactGroups: [
          people.id
        ]
      }
      forecast100: {
        enabled: true
        operator: 'GreaterThan'
        threshold: 100
        thresholdType: 'Forecasted'
        contactEmails: alertEmails
        contactGroups: [
          people.id
        ]
      }
    }
  }
}
