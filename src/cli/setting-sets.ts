/** Which settings have a flag on which command. Names only, so that the help of the whole program need not load the settings. */

/** Where the installation is; the rest is recorded in the cluster itself. */
export const place = ['cluster', 'region', 'profile', 'kubeconfig', 'context', 'namespace', 'output'] as const;

/** Where a login of Grafana or the gateway is sent to, and how to log in to Grafana: given anew each time, since none of it is read from a cluster. */
export const grafanaLogin = ['grafanaUrl', 'gatewayUrl', 'grafanaTokenFile', 'grafanaAdmin'] as const;

/** What names are derived from: needed if the cluster has lost its installation record. */
export const naming = [
  'collectorNamespace',
  'tenant',
  'identity',
  'bucketPrefix',
  'bucketNamespace',
  'chunksBucket',
  'rulerBucket',
  'roleName',
  'iamPath',
] as const;
