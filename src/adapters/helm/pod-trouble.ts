/** Why a pod is not ready, by its own status alone; pure. */
import { isPassing } from '../../problems/scheduler-words.ts';
import type { KubeObject } from '../../ports/kubernetes.ts';

interface ContainerStatus {
  readonly name: string;
  readonly ready?: boolean;
  readonly restartCount?: number;
  readonly state?: State;
  readonly lastState?: State;
}
interface State {
  readonly waiting?: { readonly reason?: string; readonly message?: string };
  readonly running?: object;
  readonly terminated?: { readonly exitCode?: number; readonly reason?: string };
}
export interface Pod extends KubeObject {
  readonly spec?: { readonly nodeName?: string; readonly volumes?: readonly { readonly persistentVolumeClaim?: { readonly claimName: string } }[] };
  readonly status?: {
    readonly phase?: string;
    readonly reason?: string;
    readonly message?: string;
    readonly conditions?: readonly {
      readonly type: string;
      readonly status: string;
      readonly reason?: string;
      readonly message?: string;
      readonly lastTransitionTime?: string;
    }[];
    readonly initContainerStatuses?: readonly ContainerStatus[];
    readonly containerStatuses?: readonly ContainerStatus[];
  };
}

export interface Trouble {
  readonly is: 'unschedulable' | 'image' | 'crash' | 'config' | 'creating' | 'unready' | 'ending' | 'failed';
  /** In words, without the pod's name. */
  readonly why: string;
  readonly container?: string;
  readonly restarts?: number;
  /** If the pod's status has a start time. */
  readonly since?: Date;
}

const IMAGE = new Set(['ImagePullBackOff', 'ErrImagePull', 'InvalidImageName', 'ErrImageNeverPull', 'ImageInspectError', 'RegistryUnavailable']);
const CONFIG = new Set(['CreateContainerConfigError', 'CreateContainerError', 'RunContainerError']);

/** `undefined`: the pod is ready (or has done its work). */
export function trouble(object: KubeObject): Trouble | undefined {
  const { status = {}, metadata } = object as Pod;
  if (metadata.deletionTimestamp) return { is: 'ending', why: 'ending' };
  if (status.phase === 'Succeeded') return undefined;
  if (status.phase === 'Failed') return { is: 'failed', why: `failed: ${status.reason ?? 'unknown reason'}${status.message ? `: ${status.message}` : ''}` };
  const condition = (type: string) => status.conditions?.find((one) => one.type === type);
  const scheduled = condition('PodScheduled');
  if (scheduled?.status === 'False' && isPassing(scheduled.message ?? '')) return { is: 'creating', why: 'being scheduled' };
  if (scheduled?.status === 'False') {
    const since = scheduled.lastTransitionTime ? new Date(scheduled.lastTransitionTime) : undefined;
    return { is: 'unschedulable', why: `Pending: ${scheduled.message ?? scheduled.reason ?? 'not scheduled'}`, ...(since && { since }) };
  }
  const containers = [...(status.initContainerStatuses ?? []), ...(status.containerStatuses ?? [])];
  for (const container of containers) {
    const found = containerTrouble(container);
    if (found) return found;
  }
  if (condition('Ready')?.status === 'True') return undefined;
  if (containers.length === 0 || containers.some(({ state }) => state?.waiting)) return { is: 'creating', why: waitingWords(containers) };
  const unready = status.containerStatuses?.find(({ ready }) => !ready);
  return {
    is: 'unready',
    why: `running, but ${unready ? `container ${unready.name} is` : ''} not ready`.replace('  ', ' '),
    ...(unready && { container: unready.name }),
  };
}

const waitingWords = (containers: readonly ContainerStatus[]): string => {
  const waiting = containers.map(({ state }) => state?.waiting).find((one) => one !== undefined);
  return waiting?.reason ? `${waiting.reason}${waiting.message ? `: ${waiting.message}` : ''}` : 'being created';
};

function containerTrouble({ name, state = {}, lastState = {}, restartCount: restarts = 0, ready }: ContainerStatus): Trouble | undefined {
  const { reason = '', message } = state.waiting ?? {};
  const said = `${reason}${message ? `: ${message}` : ''}`;
  if (IMAGE.has(reason)) return { is: 'image', why: `container ${name}: ${said}`, container: name };
  if (CONFIG.has(reason)) return { is: 'config', why: `container ${name}: ${said}`, container: name };
  const ended = state.terminated ?? lastState.terminated;
  const crashing = reason === 'CrashLoopBackOff' || (!ready && restarts > 0 && ended !== undefined && (ended.exitCode ?? 0) !== 0);
  if (!crashing) return undefined;
  const how = ended ? ` with exit code ${ended.exitCode}${ended.reason && ended.reason !== 'Error' ? ` (${ended.reason})` : ''}` : '';
  return { is: 'crash', why: `container ${name} crashes${how}, ${restarts} restarts`, container: name, restarts };
}
