/** `loki-eks plan`: what install would change, without changing it. */
import type { PlanOptions } from '../../app/outside.ts';
import type { Command } from '../command.ts';
import { runUseCase } from '../lazy-run.ts';

const documents = ['values', 'policies', 'alloy', 'grafana', 'manifests'] as const;

export const plan: Command = {
  name: 'plan',
  summary: 'show every change that install would make',
  about: 'Shows every change in AWS, Kubernetes and Helm that install would make, with the differences of policies and values. Changes nothing.',
  examples: [
    { run: 'loki-eks plan --cluster prod', why: 'the changes' },
    { run: 'loki-eks plan --cluster prod --detailed-exitcode', why: 'exit code 7 when there are changes: for CI' },
    { run: 'loki-eks plan --cluster prod --show alloy', why: 'the Alloy configuration, rendered' },
    { run: 'loki-eks plan --cluster prod --show grafana', why: 'data source and dashboard, to give to a Grafana by hand' },
  ],
  settings: 'all',
  flags: [
    { flag: '--detailed-exitcode', description: 'exit 7 when changes are pending, 0 when there are none' },
    { flag: '--show', placeholder: 'WHAT', choices: documents, description: 'print rendered documents: values, policies, alloy, grafana or manifests' },
    { flag: '--reveal', description: 'with --show: also what looks secret in them, as in your own values files' },
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
