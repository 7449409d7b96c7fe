/** The gateway's access log: nginx logs every request, so successful ones are only counted. */
import { accessIn } from './answers.ts';
import { timeOf } from './log-lines.ts';
import type { PushAccess } from './objects-evidence.ts';

/** The limit of what is left without accepted pushes and probes. */
const KEPT = 400;

const PUSH = /\/(loki\/api\/v1|api\/prom)\/push$/;

export function accessOf(all: readonly string[]): { readonly lines: readonly string[]; readonly access: PushAccess } {
  const kept: string[] = [];
  const refused = new Map<number, { status: number; count: number; last: Date; line: string }>();
  let [taken, takenLast] = [0, 0];
  for (const line of all) {
    const asked = accessIn(line);
    const isPush = asked?.method === 'POST' && PUSH.test(asked.path.split('?')[0]!);
    if (isPush && asked.status < 300) {
      taken += 1;
      takenLast = Math.max(takenLast, timeOf(line) ?? 0);
      continue;
    }
    if (isPush) {
      const { count = 0, last = new Date(0) } = refused.get(asked.status) ?? {};
      const time = new Date(Math.max(last.getTime(), timeOf(line) ?? 0));
      refused.set(asked.status, { status: asked.status, count: count + 1, last: time, line });
    }
    if (!asked || asked.status >= 400 || !/kube-probe/.test(asked.agent)) kept.push(line);
  }
  return {
    lines: kept.slice(-KEPT),
    access: {
      taken,
      ...(takenLast > 0 && { takenLast: new Date(takenLast) }),
      refused: [...refused.values()].toSorted((a, b) => b.count - a.count),
    },
  };
}
