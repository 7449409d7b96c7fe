/** HTTP answers and metrics that override what a pod would answer itself, and hosts that a pod can't reach. */
import type { KubeObject } from '../../ports/kubernetes.ts';
import { globPattern } from '../call-faults.ts';
import type { SandboxRequest, SandboxResponse } from '../types.ts';
import { type AnswerEvidence, durationMs, type MetricsEvidence, type NetworkEvidence } from './document.ts';
import { isPod } from './match.ts';

type Own = () => SandboxResponse | undefined;

export interface AnswerLayer {
  answer(by: string, evidence: AnswerEvidence): void;
  metrics(by: string, evidence: MetricsEvidence): void;
  network(by: string, evidence: NetworkEvidence): void;
  clear(by: string): void;
  /** The injected answer, otherwise its own with the injected metrics in it. */
  over(pod: KubeObject, request: SandboxRequest, own: Own): SandboxResponse | undefined;
  /** The same for a delayed answer, in milliseconds. */
  injected(pod: KubeObject, request: SandboxRequest): { readonly response: SandboxResponse; readonly delayMs: number } | undefined;
  withMetrics(pod: KubeObject, request: SandboxRequest, response: SandboxResponse): SandboxResponse;
  unreachable(pod: KubeObject, host: string): string | undefined;
}

interface Rule<Evidence> {
  readonly by: string;
  readonly evidence: Evidence;
  readonly fits: (pod: KubeObject) => boolean;
}

export function createAnswerLayer(): AnswerLayer {
  let answers: readonly Rule<AnswerEvidence>[] = [];
  let metrics: readonly Rule<MetricsEvidence>[] = [];
  let network: readonly Rule<NetworkEvidence>[] = [];
  const injected: AnswerLayer['injected'] = (pod, request) => {
    const [path = '/'] = request.path.split('?');
    const rule = answers.findLast(
      ({ evidence, fits }) => fits(pod) && (evidence.method === undefined || evidence.method === request.method) && globPattern(evidence.path).test(path),
    );
    return rule && { response: responseOf(rule.evidence), delayMs: rule.evidence.delay === undefined ? 0 : durationMs(rule.evidence.delay) };
  };
  const withMetrics: AnswerLayer['withMetrics'] = (pod, request, response) => {
    const mine = request.path.split('?')[0] === '/metrics' ? metrics.filter(({ fits }) => fits(pod)) : [];
    if (mine.length === 0) return response;
    const own = response.status === 200 ? Buffer.from(response.body).toString('utf8') : '';
    return {
      status: 200,
      headers: { 'content-type': 'text/plain; version=0.0.4', ...(response.status === 200 && response.headers) },
      body: mine.reduce((text, { evidence }) => overridden(text, 'text' in evidence ? evidence.text : textOf(evidence.values)), own),
    };
  };
  return {
    answer: (by, evidence) => void (answers = [...answers, { by, evidence, fits: isPod(evidence) }]),
    metrics: (by, evidence) => void (metrics = [...metrics, { by, evidence, fits: isPod(evidence) }]),
    network: (by, evidence) => void (network = [...network, { by, evidence, fits: isPod(evidence) }]),
    clear(by) {
      answers = answers.filter((rule) => rule.by !== by);
      metrics = metrics.filter((rule) => rule.by !== by);
      network = network.filter((rule) => rule.by !== by);
    },
    injected,
    withMetrics,
    over(pod, request, own) {
      const found = injected(pod, request);
      if (found !== undefined) return found.response;
      const response = own();
      return response && withMetrics(pod, request, response);
    },
    unreachable: (pod, host) => network.findLast(({ evidence, fits }) => fits(pod) && globPattern(evidence.to).test(host))?.evidence.error,
  };
}

function responseOf({ status, headers = {}, body = '' }: AnswerEvidence): SandboxResponse {
  const json = typeof body !== 'string';
  return { status, headers: { 'content-type': json ? 'application/json' : 'text/plain; charset=utf-8', ...headers }, body: json ? JSON.stringify(body) : body };
}

const textOf = (values: Readonly<Record<string, number>>): string =>
  Object.entries(values)
    .map(([series, value]) => `${series} ${value}`)
    .join('\n');

const seriesOf = (line: string): string => /^([a-zA-Z_:][\w:]*(?:\{.*\})?)\s/.exec(line)?.[1] ?? '';
const nameOf = (series: string): string => series.replace(/\{.*$/, '');

/** A series replaces one with the same labels; a name without labels replaces all series of that name. */
function overridden(own: string, over: string): string {
  const added = over.split('\n').filter((line) => line.trim() !== '');
  const series = new Set(added.map(seriesOf).filter((one) => one !== ''));
  const kept = own.split('\n').filter((line) => {
    const mine = seriesOf(line);
    return line !== '' && (mine === '' || (!series.has(mine) && !series.has(nameOf(mine))));
  });
  return `${[...kept, ...added].join('\n')}\n`;
}
