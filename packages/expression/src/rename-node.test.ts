import { describe, expect, test } from 'vitest';
import { renameNode } from './index.ts';

describe('renaming a node', () => {
  test.each([
    ["={{ $('Old').item.json.x }}", "={{ $('New').item.json.x }}"],
    ['={{ $("Old").all() }}', '={{ $("New").all() }}'],
    ['={{ $(`Old`).all() }}', '={{ $(`New`).all() }}'],
    ["={{ $( 'Old' ).item }} and {{$('Old').first()}} and $('Old')", "={{ $( 'New' ).item }} and {{$('New').first()}} and $('Old')"],
    ["={{ [1].map(x => $('Old').at(x)) }}", "={{ [1].map(x => $('New').at(x)) }}"],
    ["={{ `${$('Old').item}` }}", "={{ `${$('New').item}` }}"],
    ["={{ $('O\\x6cd').item }}", "={{ $('New').item }}"],
    ["={{ new X($('Old')) }}", "={{ new X($('New')) }}"],
    ["={{ /* $('Old') */ $('Old').item }}", "={{ /* $('Old') */ $('New').item }}"],
  ])('%s', (before, after) => {
    expect(renameNode(before, 'Old', 'New')).toBe(after);
  });

  test.each([
    "$('Old')",
    "{{ $('Old').item }}",
    "=={{ $('Old').item }}",
    "=$('Old') outside braces",
    '={{ "$(\'Old\')" }}',
    "={{ $('Older').item }}",
    "={{ $('old').item }}",
    "={{ $('O' + 'ld').item }}",
    "={{ $json['Old'] }}",
    "={{ x$('Old') }}",
    "={{ $('Old').item",
    '={{ $(`Old${1}`).item }}',
  ])('%s stays as it is', (value) => {
    expect(renameNode(value, 'Old', 'New')).toBe(value);
  });

  test.each([
    ["It's", "={{ $('It\\'s').item }}", '={{ $("It\'s").item }}'],
    ['a "b"', '={{ $(\'a "b"\').item }}', '={{ $("a \\"b\\"").item }}'],
    ['back\\slash', "={{ $('back\\\\slash').item }}", '={{ $("back\\\\slash").item }}'],
    ['two\nlines', "={{ $('two\\nlines').item }}", '={{ $("two\\nlines").item }}'],
    ['$& ${x} `', "={{ $('$& ${x} `').item }}", '={{ $("$& ${x} `").item }}'],
  ])('the new name %j is escaped for its quotes', (to, single, double) => {
    expect(renameNode("={{ $('Old').item }}", 'Old', to)).toBe(single);
    expect(renameNode('={{ $("Old").item }}', 'Old', to)).toBe(double);
    expect(renameNode(renameNode('={{ $(`Old`).item }}', 'Old', to), to, 'Old')).toBe('={{ $(`Old`).item }}');
  });

  test('whole values are walked, and values without the name stay the same object', () => {
    const value = { a: ["={{ $('Old').item }}", 1, null], b: { c: '={{ $json.x }}' } };
    const renamed = renameNode(value, 'Old', 'New');
    expect(renamed).toEqual({ a: ["={{ $('New').item }}", 1, null], b: { c: '={{ $json.x }}' } });
    expect((renamed as typeof value).b).toBe(value.b);
    expect(renameNode(value, 'Nobody', 'New')).toBe(value);
  });
});
