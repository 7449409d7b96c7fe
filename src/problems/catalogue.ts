/** Every problem a user can run into, by code. Codes are stable: docs, `explain` and other people's scripts use them. */
import type { DoctorRow, Row } from './row.ts';
import { adopt } from './catalogue/adopt.ts';
import { app } from './catalogue/app.ts';
import { aws } from './catalogue/aws.ts';
import { doctorAws } from './catalogue/doctor-aws.ts';
import { doctorCollector } from './catalogue/doctor-collector.ts';
import { doctorGateway } from './catalogue/doctor-gateway.ts';
import { doctorLimits } from './catalogue/doctor-limits.ts';
import { doctorLoki } from './catalogue/doctor-loki.ts';
import { doctorNetwork } from './catalogue/doctor-network.ts';
import { doctorReading } from './catalogue/doctor-reading.ts';
import { doctorScheduling } from './catalogue/doctor-scheduling.ts';
import { doctorValues } from './catalogue/doctor-values.ts';
import { grafana } from './catalogue/grafana.ts';
import { helm } from './catalogue/helm.ts';
import { kube } from './catalogue/kube.ts';
import { loki } from './catalogue/loki.ts';
import { run } from './catalogue/run.ts';
import { settings } from './catalogue/settings.ts';
import { steps } from './catalogue/steps.ts';

const doctor = {
  ...doctorAws,
  ...doctorScheduling,
  ...doctorLoki,
  ...doctorGateway,
  ...doctorCollector,
  ...doctorNetwork,
  ...doctorLimits,
  ...doctorReading,
  ...doctorValues,
};
const table = { ...app, ...adopt, ...settings, ...run, ...aws, ...kube, ...helm, ...loki, ...grafana, ...steps, ...doctor };

export type ProblemCode = keyof typeof table;
export const catalogue: Readonly<Record<ProblemCode, Row>> = table;

export type DoctorCode = keyof typeof doctor;
export const doctorCatalogue: Readonly<Record<DoctorCode, DoctorRow>> = doctor;
/** The row of a code that `doctor` can find; `undefined` for a code of another area. */
export const doctorRow = (code: string): DoctorRow | undefined => (code in doctor ? doctor[code as DoctorCode] : undefined);
