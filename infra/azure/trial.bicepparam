// To try it: paid by the request unit, reached over the Internet from the addresses that are given on the command line.
using './main.bicep'

param capacity = 'serverless'
// infra:allow=public-network: a trial has no network of its own; give `allowedAddresses` on the command line
param publicNetworkAccess = 'Enabled'
param backupTier = 'Continuous7Days'
