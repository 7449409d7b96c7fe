/** How many ingesters must have a line before Loki says that it has it. */
import { at } from '../../design/document.ts';
import type { LokiSeen } from './loki-seen.ts';

export const replicationFactor = ({ config }: Pick<LokiSeen, 'config'>): number =>
  Number(at(config, 'common.replication_factor') ?? at(config, 'ingester.lifecycler.ring.replication_factor') ?? 3);
export const quorumOf = (loki: Pick<LokiSeen, 'config'>): number => Math.floor(replicationFactor(loki) / 2) + 1;
