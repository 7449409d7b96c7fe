/** The access log of a gateway, limited by time, and with very many nodes behind it by size: about two megabytes. */
import { accessOf } from '../analyze/access.ts';
import type { PodEvidence } from '../analyze/objects-evidence.ts';
import type { Kubernetes } from '../../../ports/kubernetes.ts';

const SECONDS = 180;
const LINES = 10_000;

export async function accessLog(kubernetes: Kubernetes, { namespace, name }: PodEvidence, container: string): Promise<Pick<PodEvidence, 'lines' | 'access'>> {
  const options = new URLSearchParams({ container, sinceSeconds: String(SECONDS), tailLines: String(LINES) });
  const answer = await kubernetes.raw(`/api/v1/namespaces/${namespace}/pods/${name}/log?${options}`);
  // A container that has not started has no log.
  if (answer.status !== 200) return {};
  return accessOf(answer.body.split('\n').filter((line) => line !== ''));
}
