/** Which settings have a flag at which command. Names only, so that help of the whole program need not load the settings. */

/** Where the installation is; the rest is remembered by the cluster itself. */
export const place = ['cluster', 'region', 'profile', 'kubeconfig', 'context', 'namespace', 'output'] as const;

/** Where a login of Grafana or of the gateway is sent to, and how Grafana lets us in: said anew each time, since none of it is taken from a cluster. */
export const grafanaLogin = ['grafanaUrl', 'gatewayUrl', 'grafanaTokenFile', 'grafanaAdmin'] as const;

/** What names are made from: needed where the cluster has lost its memory of the installation. */
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
