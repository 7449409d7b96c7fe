/** The Secret in which Helm keeps a revision of a release: decoded, changed and encoded again. */
import { gunzipSync, gzipSync } from 'node:zlib';
import type { Doc } from '../kube/document.ts';
import type { FaultApi } from './fault-api.ts';

/** Only for the deployed revision, not for earlier ones. */
export function changeRelease(api: FaultApi, chart: 'loki' | 'alloy', edit: (release: Doc) => void): void {
  api.change({ kind: 'Secret', selector: 'owner=helm,status=deployed' }, (secret) => {
    const release = opened(secret['data']?.release as string | undefined);
    if (release === undefined || release['chart']?.metadata?.name !== chart) return false;
    edit(release);
    secret['data'] = { ...secret['data'], release: closed(release) };
    secret['metadata'].labels = { ...secret['metadata'].labels, status: release['info'].status };
  });
}

function opened(data: string | undefined): Doc | undefined {
  if (data === undefined) return undefined;
  try {
    return JSON.parse(gunzipSync(Buffer.from(Buffer.from(data, 'base64').toString('latin1'), 'base64')).toString('utf8')) as Doc;
  } catch {
    return undefined;
  }
}

const closed = (release: Doc): string => Buffer.from(gzipSync(JSON.stringify(release)).toString('base64')).toString('base64');
