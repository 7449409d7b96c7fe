/** How many ingesters must have a line before Loki acknowledges it. */
import { getPath } from '../../../design/get-path.ts';
import type { LokiEvidence } from './loki-evidence.ts';

export const replicationFactor = ({ config }: Pick<LokiEvidence, 'config'>): number =>
  Number(getPath(config, 'common.replication_factor') ?? getPath(config, 'ingester.lifecycler.ring.replication_factor') ?? 3);
export const quorumOf = (loki: Pick<LokiEvidence, 'config'>): number => Math.floor(replicationFactor(loki) / 2) + 1;
