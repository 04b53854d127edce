// Loaded before a program of somebody else's: whoever it calls by the name in
// REDIRECT_FROM is at REDIRECT_TO (host:port), as if DNS said so. Nothing else
// can be called.
'use strict'
const net = require('node:net')

const from = process.env.REDIRECT_FROM
const [host, port] = process.env.REDIRECT_TO.split(':')
const connect = net.Socket.prototype.connect

net.Socket.prototype.connect = function (...args) {
  // Node itself passes its normalized arguments as one list.
  const options = Array.isArray(args[0]) ? args[0][0] : args[0]
  if (typeof options !== 'object' || options.host !== from) {
    throw new Error(`a call to ${options?.host ?? options}, who is not ${from}`)
  }
  Object.assign(options, { host, port: Number(port) })
  return connect.apply(this, args)
}
