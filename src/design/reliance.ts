/** Values that the rest of the installation is built on: a user may change them, but is told what then no longer fits. */
import { isMap, type Values } from './merge.ts';

const because: Readonly<Record<'loki' | 'alloy', Readonly<Record<string, string>>>> = {
  loki: {
    fullnameOverride: "the gateway's address and the checks use the names it gives",
    nameOverride: "the gateway's address and the checks use the names it gives",
    namespaceOverride: 'the role trusts a service account of the namespace in the settings',
    deploymentMode: 'sizes and checks are those of Distributed',
    'loki.auth_enabled': 'the gateway and Alloy send a tenant',
    'loki.storage.bucketNames': 'the role may touch only the buckets of the plan',
    'loki.storage.s3': 'the role may touch only the buckets of the plan',
    'loki.schemaConfig': 'lines written under another schema can only be read while that schema stays listed',
    serviceAccount: 'the role trusts the service account that the installer makes',
    'gateway.enabled': 'Alloy and Grafana send to the gateway',
    'gateway.basicAuth': 'Alloy and Grafana log in with the login that the installer makes',
    'gateway.service.type': 'it would bypass --expose, which names who may reach the gateway',
    'gateway.nginxConfig.locationSnippet': 'it sets the tenant of every request',
  },
  alloy: {
    fullnameOverride: 'the checks use the names it gives',
    'alloy.configMap': 'it is the pipeline; the checks judge by it',
    'alloy.mounts.varlog': 'without it Alloy finds no file and reports no error',
    'alloy.storagePath': 'positions are kept there across restarts',
    'controller.type': 'only a DaemonSet reads the files of every node',
  },
};

/** One sentence for each value of the user's that something else relies on. */
export function relied(which: 'loki' | 'alloy', { file, values }: { readonly file: string; readonly values: Values }): readonly string[] {
  return Object.entries(because[which])
    .filter(([path]) => sets(values, path.split('.')))
    .map(([path, why]) => `${file} sets ${path}: ${why}.`);
}

function sets(node: unknown, [key, ...rest]: readonly string[]): boolean {
  if (key === undefined) return true;
  return isMap(node) && Object.hasOwn(node, key) && (rest.length === 0 || node[key] === null || sets(node[key], rest));
}
