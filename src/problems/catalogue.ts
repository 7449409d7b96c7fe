/** Every problem a user can meet, by code. Codes are stable: docs, `explain` and other people's scripts use them. */
import type { Row } from './row.ts';
import { app } from './catalogue/app.ts';
import { aws } from './catalogue/aws.ts';
import { doctorAws } from './catalogue/doctor-aws.ts';
import { doctorLoki } from './catalogue/doctor-loki.ts';
import { doctorCollector } from './catalogue/doctor-collector.ts';
import { doctorReading } from './catalogue/doctor-reading.ts';
import { helm } from './catalogue/helm.ts';
import { kube } from './catalogue/kube.ts';
import { loki } from './catalogue/loki.ts';
import { run } from './catalogue/run.ts';
import { settings } from './catalogue/settings.ts';
import { steps } from './catalogue/steps.ts';

const table = { ...app, ...settings, ...run, ...aws, ...kube, ...helm, ...loki, ...steps, ...doctorAws, ...doctorLoki, ...doctorCollector, ...doctorReading };

export type ProblemCode = keyof typeof table;
export const catalogue: Readonly<Record<ProblemCode, Row>> = table;
