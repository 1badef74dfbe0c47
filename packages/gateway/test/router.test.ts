import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { forwardedPath, type Route, Router, type RouteOptions } from '../src/router.ts'

const route = (path: string, stripPrefix: boolean): Route => ({ path, service: 's', stripPrefix, methods: undefined })

const found = (router: Router, path: string, method = 'GET'): string | undefined => {
  const match = router.match(method, path)
  return match.kind === 'found' ? match.route.service : undefined
}

describe('matching', () => {
  const router = new Router([
    { path: '/orders', service: 'orders' },
    { path: '/orders/internal', service: 'internal', methods: ['POST'] },
    { path: '/a/b/c/', service: 'deep' },
    { path: '/a', service: 'shallow' },
  ])

  test('a prefix serves itself and what lies below it', () => {
    for (const path of ['/orders', '/orders/', '/orders/7', '/orders/7/items/3/x/y/z'])
      assert.equal(found(router, path), 'orders')
  })

  test('only whole segments count', () => {
    for (const path of ['/orders2', '/order', '/ordersinternal', '/', '/Orders'])
      assert.equal(found(router, path), undefined)
  })

  test('the longest prefix wins, whatever the order', () => {
    assert.equal(found(router, '/a/b/c/d'), 'deep')
    assert.equal(found(router, '/a/b/c'), 'deep')
    assert.equal(found(router, '/a/b/cd'), 'shallow')
    assert.equal(found(router, '/a/b'), 'shallow')
  })

  test('another method does not fall back to a shorter prefix', () => {
    assert.equal(found(router, '/orders/internal/x', 'POST'), 'internal')
    assert.deepEqual(router.match('GET', '/orders/internal/x'), {
      kind: 'wrong method',
      path: '/orders/internal',
      allow: ['POST'],
    })
  })

  test('a root route takes the rest', () => {
    const rest = new Router([
      { path: '/', service: 'web' },
      { path: '/api', service: 'api' },
    ])
    assert.equal(found(rest, '/'), 'web')
    assert.equal(found(rest, '/apix/y'), 'web')
    assert.equal(found(rest, '/api/y'), 'api')
  })

  test('methods of one prefix may lead to different services; GET brings HEAD', () => {
    const split = new Router([
      { path: '/x', service: 'reads', methods: ['GET'] },
      { path: '/x', service: 'writes', methods: ['POST', 'PUT'] },
    ])
    assert.equal(found(split, '/x', 'HEAD'), 'reads')
    assert.equal(found(split, '/x', 'PUT'), 'writes')
    assert.deepEqual(split.match('DELETE', '/x'), {
      kind: 'wrong method',
      path: '/x',
      allow: ['GET', 'HEAD', 'POST', 'PUT'],
    })
  })

  test('an empty table matches nothing', () => {
    assert.deepEqual(new Router([]).match('GET', '/x'), { kind: 'missing' })
  })

  test('a very deep path costs no more than the table is deep', () => {
    const path = '/a'.repeat(4000)
    const begun = performance.now()
    for (let round = 0; round < 1000; round++) assert.equal(found(router, path), 'shallow')
    // 4000 lookups of 4 KB keys a round would take several seconds.
    assert.ok(performance.now() - begun < 1000)
  })
})

test('the prefix is cut off where it shall be', () => {
  assert.equal(forwardedPath(route('/api', true), '/api/x/y'), '/x/y')
  assert.equal(forwardedPath(route('/api', true), '/api'), '/')
  assert.equal(forwardedPath(route('/api', true), '/api/'), '/')
  assert.equal(forwardedPath(route('/', true), '/api'), '/api')
  assert.equal(forwardedPath(route('/api', false), '/api/x'), '/api/x')
})

describe('a wrong table is refused and named', () => {
  const wrong: [name: string, routes: RouteOptions[], message: RegExp][] = [
    ['no slash', [{ path: 'orders', service: 's' }], /routes\[0\]\.path: a path must begin with a slash, got "orders"/],
    ['a walk', [{ path: '/a/../b', service: 's' }], /routes\[0\]\.path: .*"\.\."/],
    ['a query', [{ path: '/a?b', service: 's' }], /routes\[0\]\.path must not hold a query/],
    ['an own path', [{ path: '/healthz', service: 's' }], /the gateway answers \/healthz itself/],
    ['an own path, spelt differently', [{ path: '/%68ealthz/', service: 's' }], /the gateway answers \/healthz itself/],
    ['no methods', [{ path: '/a', service: 's', methods: [] }], /routes\[0\]\.methods must name at least one/],
    ['a method in lower case', [{ path: '/a', service: 's', methods: ['get'] }], /upper case names, got "get"/],
    [
      'a path twice',
      [
        { path: '/a', service: 's' },
        { path: '/a/', service: 't', methods: ['GET'] },
      ],
      /routes\[1\]: GET \/a already leads to "s"/,
    ],
    [
      'a method twice',
      [
        { path: '/a', service: 's', methods: ['GET'] },
        { path: '/a', service: 't', methods: ['PUT', 'HEAD'] },
      ],
      /routes\[1\]: HEAD \/a already leads to "s"/,
    ],
  ]
  for (const [name, routes, message] of wrong) {
    test(name, () => assert.throws(() => new Router(routes), { code: 'SG_BAD_OPTIONS', message }))
  }
})
