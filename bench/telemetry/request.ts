/** The request that is sent over and over: the headers of a browser, none of a trace. */
export const request: string = [
  'GET /orders/42 HTTP/1.1',
  'Host: shop.example:8080',
  'User-Agent: Mozilla/5.0 (X11; Linux x86_64) bench',
  'Accept: application/json',
  'Accept-Encoding: gzip, br',
  'Connection: keep-alive',
  '\r\n',
].join('\r\n')
