import { describe, expect, it } from 'vitest';
import { blocksNamed, literal, readAlloy } from './alloy-reading.ts';

const text = `
// loki.write "old" { endpoint { url = "http://old" } }
discovery.kubernetes "pods" {
  role = "pod"
  selectors {
    role = "pod"
    field = "spec.nodeName=" + coalesce(sys.env("HOSTNAME"), constants.hostname)
  }
}
loki.process "pods" {
  stage.cri { }
  stage.static_labels {
    values = {
      cluster = "a // b",
    }
  }
  forward_to = [loki.write.gateway.receiver]
}
loki.write "gateway" {
  endpoint {
    url = "http://x/loki/api/v1/push" // note
    headers = { "X-Scope-OrgId" = "foo" }
    basic_auth { username = "u" }
  }
}
`;

describe('an Alloy configuration', () => {
  const blocks = readAlloy(text);

  it('is read block by block, without what is commented out', () => {
    expect(blocks.map(({ name, label, line }) => `${name} ${label} ${line}`)).toEqual([
      'discovery.kubernetes pods 3',
      'loki.process pods 10',
      'loki.write gateway 19',
    ]);
    expect(blocksNamed(blocks, 'stage.cri')).toHaveLength(1);
  });

  it('keeps values as they are written', () => {
    const [endpoint] = blocksNamed(blocks, 'endpoint');
    expect(literal(endpoint?.attributes['url'])).toBe('http://x/loki/api/v1/push');
    expect(endpoint?.attributes['headers']).toBe('{ "X-Scope-OrgId" = "foo" }');
    expect(endpoint?.blocks[0]?.attributes['username']).toBe('"u"');
    expect(blocksNamed(blocks, 'selectors')[0]?.attributes['field']).toContain('sys.env("HOSTNAME")');
    expect(blocksNamed(blocks, 'stage.static_labels')[0]?.attributes['values']).toContain('a // b');
    expect(literal('sys.env("X")')).toBeUndefined();
  });

  it('ends with what could be read of a broken one', () => {
    expect(readAlloy('loki.write "a" {\n url = "x"\n').map(({ name }) => name)).toEqual(['loki.write']);
    expect(readAlloy('}}}{')).toEqual([]);
    expect(readAlloy('a "b" { /* never closed')).toHaveLength(1);
  });
});
