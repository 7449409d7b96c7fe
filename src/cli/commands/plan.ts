/** `loki-eks plan`: what install would change, without changing it. */
import type { PlanOptions } from '../../deps.ts';
import type { Command } from '../command.ts';
import { runUseCase } from '../lazy-run.ts';

const documents = ['values', 'policies', 'alloy', 'grafana', 'manifests'] as const;

export const plan: Command = {
  name: 'plan',
  summary: 'show every change that install would make',
  about: 'Shows every change that install would make in AWS, Kubernetes and Helm, with diffs of policies and values. Changes nothing.',
  examples: [
    { run: 'loki-eks plan --cluster prod', why: 'show the changes' },
    { run: 'loki-eks plan --cluster prod --detailed-exitcode', why: 'exit with 7 if changes are pending, for CI' },
    { run: 'loki-eks plan --cluster prod --show alloy', why: 'print the rendered Alloy configuration' },
    { run: 'loki-eks plan --cluster prod --show grafana', why: 'print the data source and dashboard, to add to a Grafana by hand' },
  ],
  settings: 'all',
  flags: [
    { flag: '--detailed-exitcode', description: 'exit with 7 if changes are pending, 0 if there are none' },
    { flag: '--show', placeholder: 'WHAT', choices: documents, description: 'print rendered documents: values, policies, alloy, grafana or manifests' },
    { flag: '--reveal', description: 'with --show: also show values that look secret, for example from your own values files' },
  ],
  run: (given, platform) => {
    const show = given.flags['show'] as PlanOptions['show'];
    return runUseCase(given, platform, {
      command: 'plan',
      need: ['cluster'],
      useCase: platform.useCases.plan,
      options: { detailedExitcode: given.flags['detailedExitcode'] === true, ...(show && { show }), ...(given.flags['reveal'] === true && { reveal: true }) },
    });
  },
};
