/** Cluster-wide resources that are assigned to objects: service addresses, node ports, the default storage class. */
import type { Surroundings } from './defaults.ts';
import { docOf } from './document.ts';
import type { Registry } from './resources.ts';
import type { WatchCache } from './watch-cache.ts';

const DEFAULT_CLASS = 'storageclass.kubernetes.io/is-default-class';

/** Addresses are 10.100.0.0/16, as on EKS; .1 is the API server and .10 the cluster DNS. */
export function createAddresses(cache: WatchCache, registry: Registry): Surroundings {
  let address = 20;
  let port = 30_000;
  const services = () => cache.items(registry.ofKind('Service')).map(docOf);
  const next = (): string => {
    address += 1;
    return `10.100.${Math.floor(address / 254) % 256}.${(address % 254) + 1}`;
  };
  return {
    clusterIp() {
      const taken = new Set(services().map((service) => service.spec?.clusterIP));
      let free = next();
      while (taken.has(free)) free = next();
      return free;
    },
    nodePort() {
      port = port >= 32_767 ? 30_000 : port + 1;
      return port;
    },
    defaultStorageClass: () =>
      cache.items(registry.ofKind('StorageClass')).find((entry) => entry.metadata.annotations?.[DEFAULT_CLASS] === 'true')?.metadata.name,
  };
}
