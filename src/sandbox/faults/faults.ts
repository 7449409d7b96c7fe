/** The active faults of one simulated world. */
import type { Call } from '../types.ts';
import { createFaultApi, type Place } from './fault-api.ts';
import { clusterFaults } from './index.ts';

export interface ClusterFaults {
  /** False when no fault has that name. */
  make(name: string): boolean;
  /** Reverts one fault, or all. */
  clear(name?: string): void;
  /** Active faults, in order of activation. */
  names(): readonly string[];
  /** A call was made to the account. */
  called(call: Call): void;
}

export function createClusterFaults(place: Place): ClusterFaults {
  const made = new Map<string, ReturnType<typeof createFaultApi>>();
  return {
    make(name) {
      const found = clusterFaults.find((one) => one.name === name);
      if (found === undefined) return false;
      if (made.has(name)) return true;
      const api = createFaultApi(place, `break ${name}`);
      made.set(name, api);
      found.make(api);
      return true;
    },
    clear(name) {
      const names = name === undefined ? [...made.keys()].reverse() : [name];
      for (const one of names) {
        made.get(one)?.clear();
        made.delete(one);
      }
    },
    names: () => [...made.keys()],
    called({ call, write }) {
      if (!write || call.startsWith('kube:') || call.startsWith('sts:')) return;
      for (const api of made.values()) api.called();
    },
  };
}
