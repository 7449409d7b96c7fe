/** What logs say, with the pod that said it; and what they say of no importance. */
import type { PodSeen } from './survey.ts';

/** Harmless whatever it looks like: never evidence, never a finding. */
const NOISE: readonly RegExp[] = [
  // Remote configuration is off, and Alloy says so at every start.
  /noop client/,
  // A pod was deleted while its file was followed.
  /position timer: error getting tail position/,
  /(stat|open) \/var\/log\/pods\/\S+: no such file or directory/,
  /file does not exist/,
  // A query was given up by whoever asked.
  /context canceled/,
  /remote hung up|client connection is closing/,
  // Everything starts at the same time.
  /(joining|join) memberlist cluster.*(retrying|attempt)/i,
];

export const isNoise = (line: string): boolean => NOISE.some((pattern) => pattern.test(line));

/** Lines that fit, each as `pod ingester-0: …`, one a pod and at most `most`. */
export function said(pods: readonly PodSeen[], pattern: RegExp, most = 3): readonly string[] {
  return pods
    .flatMap(({ name, lines = [] }) => {
      const line = lines.findLast((one) => pattern.test(one) && !isNoise(one));
      return line === undefined ? [] : [`pod ${name}: ${shortened(line)}`];
    })
    .slice(0, most);
}

export const shortened = (text: string, most = 280): string => (text.length > most ? `${text.slice(0, most - 1)}…` : text);

/** Crash loops, and pods that have crashed and are not ready again. */
export const crashing = (pods: readonly PodSeen[]): readonly PodSeen[] =>
  pods.filter(({ ready, containers }) => !ready && containers.some(({ waiting, restarts }) => waiting?.reason === 'CrashLoopBackOff' || restarts > 0));
