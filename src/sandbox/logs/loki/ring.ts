/** A ring as Loki's components show it: one entry for each instance, whatever its state. */
import { createHash } from 'node:crypto';
import type { SandboxResponse } from '../../types.ts';
import type { RingMember } from './loki.ts';
const TOKENS = 128;
const NEVER = '0001-01-01T00:00:00Z';
const seconds = (date: Date): string => `${date.toISOString().slice(0, 19)}Z`;

function tokensOf(name: string): readonly number[] {
  return Array.from({ length: TOKENS }, (_, at) => createHash('md5').update(`${name}/${at}`).digest().readUInt32BE(0)).toSorted((a, b) => a - b);
}

export function ringOf(members: readonly RingMember[], of: { readonly now: Date; readonly json: boolean }): SandboxResponse {
  const shards = members
    .map(({ loki, address, state, registered, heartbeat }) => ({
      id: loki.process.pod.metadata.name,
      state,
      address,
      timestamp: seconds(heartbeat),
      registered_timestamp: seconds(registered),
      read_only: false,
      read_only_updated_timestamp: NEVER,
      zone: '',
      tokens: tokensOf(loki.process.pod.metadata.name),
    }))
    .toSorted((a, b) => (a.id < b.id ? -1 : 1));
  if (of.json)
    return {
      status: 200,
      headers: { 'content-type': 'application/json' },
      body: `${JSON.stringify({ shards, now: of.now.toISOString().replace('Z', '000000Z') })}\n`,
    };
  const rows = shards.map(({ id, zone, state, address }) => `<tr><td>${id}</td><td>${zone}</td><td>${state}</td><td>${address}</td></tr>`);
  return {
    status: 200,
    headers: { 'content-type': 'text/html' },
    body: `<!DOCTYPE html>\n<html>\n<head>\n    <meta charset="UTF-8">\n    <title>Ring Status</title>\n</head>\n<body>\n<h1>Ring Status</h1>\n<table>\n${rows.join('\n')}\n</table>\n</body>\n</html>\n`,
  };
}
