/** Which settings have a flag at which command. Names only, so that help of the whole program need not load the settings. */

/** Where things are. */
export const place = ['cluster', 'region', 'profile', 'kubeconfig', 'context', 'namespace', 'collectorNamespace', 'output'] as const;

/** What names are made from, and what must therefore be the same as at the install. */
export const naming = ['tenant', 'clusterLabel', 'identity', 'bucketPrefix', 'bucketNamespace', 'iamPath', 'gatewayUser'] as const;

/** What else the installation looks like: needed to tell drift from intention. */
export const shape = [
  'retentionDays',
  'size',
  'storageClass',
  'alertmanagerUrl',
  'kmsKey',
  'permissionsBoundary',
  'tags',
  'expose',
  'allowCidr',
  'certificate',
  'lokiChart',
  'alloyChart',
  'chartRepo',
  'lokiValues',
  'alloyValues',
  'helm',
] as const;
