/** One process of Loki, and the peers it knows. */
import type { Metrics } from '../metrics.ts';
import type { Process } from '../process.ts';
import type { LokiConfig } from './configuration.ts';
import type { Ingester } from './ingester.ts';
import { GROUPS } from './modules.ts';
import type { Stream } from './streams.ts';

export interface Loki {
  readonly process: Process;
  readonly config: LokiConfig;
  /** It is active in its ring. */
  joined: boolean;
  ready: boolean;
  readonly started: Date;
  /** Its results cache had no address at startup. */
  cacheless: boolean;
  /** What it has logged about failed writes in this second. */
  complained: { readonly second: number; readonly bytes: number };
  readonly ingester: Ingester | undefined;
  readonly metrics: Metrics;
}

/** What a request handler may ask of its cluster. */
export interface LokiPeers {
  /** Ready processes of this component in the same ring. */
  readonly ready: (of: Loki, component: string) => readonly Loki[];
  /** The members of this component's ring. */
  readonly ring: (of: Loki, component: string) => readonly RingMember[];
  /** All lines of a tenant: from the ingesters and the bucket, as this process may read it. Throws an Error with Loki's message. */
  readonly streams: (of: Loki, tenant: string) => readonly Stream[];
}

export function plays(loki: Pick<Loki, 'config'>, component: string): boolean {
  return loki.config.targets.some((target) => target === component || GROUPS[target]?.includes(component));
}

export interface RingMember {
  readonly loki: Loki;
  readonly address: string;
  readonly state: 'ACTIVE' | 'JOINING' | 'LEAVING';
  readonly registered: Date;
  readonly heartbeat: Date;
}
