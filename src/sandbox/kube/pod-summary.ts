/** A pod as `kubectl get pods` summarizes it: ready, status, restarts. */
import type { Doc } from './document.ts';

const statuses = (pod: Doc, field = 'containerStatuses'): readonly Doc[] => pod.status?.[field] ?? [];

export function podReady(pod: Doc): string {
  const total = (pod.spec?.containers ?? []).length;
  const ready = statuses(pod).filter((entry) => entry.ready && entry.state?.running).length;
  return `${ready}/${total}`;
}

const ended = (state: Doc): string => state.reason || (state.signal ? `Signal:${state.signal}` : `ExitCode:${state.exitCode}`);

/** `Init:0/2`, `Init:Error`, or nothing once all have run. */
function initStatus(pod: Doc): string | undefined {
  const all = statuses(pod, 'initContainerStatuses');
  for (const [index, { state = {} }] of all.entries()) {
    if (state.terminated?.exitCode === 0) continue;
    if (state.terminated) return `Init:${ended(state.terminated)}`;
    const waiting = state.waiting?.reason;
    return waiting && waiting !== 'PodInitializing' ? `Init:${waiting}` : `Init:${index}/${all.length}`;
  }
  return undefined;
}

export function podStatus(pod: Doc): string {
  if (pod.metadata.deletionTimestamp) return 'Terminating';
  const init = initStatus(pod);
  if (init) return init;
  let shown: string = pod.status?.reason ?? pod.status?.phase ?? 'Unknown';
  let running = false;
  for (const { state = {}, ready } of [...statuses(pod)].reverse()) {
    if (state.waiting?.reason) shown = state.waiting.reason;
    else if (state.terminated) shown = ended(state.terminated);
    else if (ready && state.running) running = true;
  }
  if (shown === 'Completed' && running) return 'Running';
  return shown;
}

export function podRestarts(pod: Doc, ago: (from: string) => string): string {
  const all = [...statuses(pod, 'initContainerStatuses'), ...statuses(pod)];
  const restarts = all.reduce((sum, entry) => sum + (entry.restartCount ?? 0), 0);
  const last = all
    .map((entry) => entry.lastState?.terminated?.finishedAt)
    .filter(Boolean)
    .sort()
    .at(-1);
  return restarts > 0 && last ? `${restarts} (${ago(last)} ago)` : String(restarts);
}
