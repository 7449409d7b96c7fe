/** The Job controller: creates pods until enough succeed, or too many fail. */
import type { KubeObject } from '../../ports/kubernetes.ts';
import { type ClusterParts, createPod, deletePod, randomSuffix, splitKey } from './parts.ts';
import { type Condition, isActive, isFinished, isReady, type LabelSelector, type PodTemplate, stamp, withConditions } from './shapes.ts';

interface Job extends KubeObject {
  readonly spec: {
    readonly parallelism?: number;
    readonly completions?: number;
    readonly backoffLimit?: number;
    readonly activeDeadlineSeconds?: number;
    readonly ttlSecondsAfterFinished?: number;
    readonly suspend?: boolean;
    readonly selector?: LabelSelector;
    readonly template: PodTemplate;
  };
  readonly status?: { readonly startTime?: string; readonly completionTime?: string; readonly conditions?: readonly Condition[] };
}

const FROM = 'job-controller';

/** Milliseconds until the job has to be checked again, if time alone may change it. */
export function reconcileJob(parts: ClusterParts, of: string): number | undefined {
  const { namespace, name } = splitKey(of);
  const job = parts.store.get('Job', namespace, name) as Job | undefined;
  if (job === undefined || job.metadata.deletionTimestamp !== undefined) return undefined;
  if (job.spec.selector === undefined) {
    parts.store.update({ ...job, spec: { ...job.spec, selector: { matchLabels: { 'batch.kubernetes.io/controller-uid': job.metadata.uid ?? '' } } } });
    return reconcileJob(parts, of);
  }
  const ended = job.status?.conditions?.some((c) => (c.type === 'Complete' || c.type === 'Failed') && c.status === 'True');
  if (ended === true) return expire(parts, job);
  const verdict = judge(parts, job);
  if (verdict === undefined && job.spec.suspend !== true) fill(parts, job);
  writeStatus(parts, job, verdict);
  return job.spec.activeDeadlineSeconds === undefined ? undefined : job.spec.activeDeadlineSeconds * 1000;
}

function expire(parts: ClusterParts, job: Job): number | undefined {
  const ttl = job.spec.ttlSecondsAfterFinished;
  if (ttl === undefined) return undefined;
  const ended = new Date(job.status?.completionTime ?? job.status?.conditions?.at(-1)?.lastTransitionTime ?? 0).getTime();
  const left = ended + ttl * 1000 - parts.clock.now().getTime();
  if (left > 0) return left;
  parts.store.delete('Job', job.metadata.namespace, job.metadata.name);
  return undefined;
}

function counts(parts: ClusterParts, job: Job) {
  const pods = parts.pods.ofOwner(job.metadata.uid ?? '');
  return {
    active: pods.filter(isActive),
    succeeded: pods.filter((pod) => pod.status?.phase === 'Succeeded').length,
    failed: pods.filter((pod) => pod.status?.phase === 'Failed').length,
    restarts: pods
      .filter((pod) => !isFinished(pod))
      .reduce((n, pod) => n + (pod.status?.containerStatuses ?? []).reduce((m, status) => m + status.restartCount, 0), 0),
  };
}

type Verdict = { readonly type: 'Complete' | 'Failed'; readonly reason: string; readonly message: string };

function judge(parts: ClusterParts, job: Job): Verdict | undefined {
  const { succeeded, failed, restarts } = counts(parts, job);
  const started = job.status?.startTime;
  const deadline = job.spec.activeDeadlineSeconds;
  if (succeeded >= (job.spec.completions ?? 1)) return { type: 'Complete', reason: 'CompletionsReached', message: 'Reached expected number of succeeded pods' };
  if (deadline !== undefined && started !== undefined && parts.clock.now().getTime() - new Date(started).getTime() >= deadline * 1000)
    return { type: 'Failed', reason: 'DeadlineExceeded', message: 'Job was active longer than specified deadline' };
  if (failed + restarts > (job.spec.backoffLimit ?? 6))
    return { type: 'Failed', reason: 'BackoffLimitExceeded', message: 'Job has reached the specified backoff limit' };
  return undefined;
}

function fill(parts: ClusterParts, job: Job): void {
  const { active, succeeded } = counts(parts, job);
  const wanted = Math.min(job.spec.parallelism ?? 1, (job.spec.completions ?? 1) - succeeded);
  const uid = job.metadata.uid ?? '';
  const labels = {
    'batch.kubernetes.io/controller-uid': uid,
    'batch.kubernetes.io/job-name': job.metadata.name,
    'controller-uid': uid,
    'job-name': job.metadata.name,
  };
  for (let missing = wanted - active.length; missing > 0; missing -= 1)
    createPod(parts, job, { name: `${job.metadata.name}-${randomSuffix()}`, template: job.spec.template, labels, from: FROM });
}

function writeStatus(parts: ClusterParts, job: Job, verdict: Verdict | undefined): void {
  const { namespace, name } = job.metadata;
  if (verdict?.type === 'Failed') for (const pod of counts(parts, job).active) deletePod(parts, job, { pod, from: FROM });
  const { active, succeeded, failed } = counts(parts, job);
  const now = parts.clock.now();
  const wanted: readonly Condition[] =
    verdict === undefined
      ? []
      : [
          { type: verdict.type === 'Complete' ? 'SuccessCriteriaMet' : 'FailureTarget', status: 'True', reason: verdict.reason, message: verdict.message },
          { type: verdict.type, status: 'True', reason: verdict.reason, message: verdict.message },
        ];
  parts.store.setStatus('Job', namespace, name, {
    startTime: job.status?.startTime ?? stamp(now),
    active: active.length,
    ready: active.filter(isReady).length,
    terminating: 0,
    succeeded,
    failed,
    uncountedTerminatedPods: {},
    ...(verdict?.type === 'Complete' && { completionTime: stamp(now) }),
    ...(wanted.length > 0 && { conditions: withConditions(job.status?.conditions, now, wanted) }),
  });
  if (verdict === undefined) return;
  const event =
    verdict.type === 'Complete'
      ? { type: 'Normal' as const, reason: 'Completed', message: 'Job completed' }
      : { type: 'Warning' as const, reason: verdict.reason, message: verdict.message };
  parts.tell({ about: job, ...event, from: FROM });
}
