/** The list of images that a cluster without the internet needs is what the real charts run, no more and no less. */
import { expect, it } from 'vitest';
import { design } from '../../src/design/design.ts';
import { pinnedImages } from '../../src/design/pins.ts';
import { someFacts, someSettings } from '../support/facts.ts';
import { templates } from '../support/templates.ts';
import { render } from './render.ts';

it.each([false, true])('with monitoring %s', (serviceMonitors) => {
  const blueprint = design(someSettings(), someFacts({ serviceMonitors }), { templates });
  const objects = (['loki', 'alloy'] as const).flatMap((chart) => render({ chart, namespace: chart, values: blueprint[chart].values }));
  const used = objects.flatMap(({ spec }) => spec?.template?.spec?.containers ?? []).map(({ image }: { image: string }) => image);
  const listed = pinnedImages.filter(({ monitoring }) => serviceMonitors || monitoring === undefined).map(({ image }) => image);
  expect(new Set(used)).toEqual(new Set(listed));
  expect(listed).toContain(blueprint.verify.image);
});
