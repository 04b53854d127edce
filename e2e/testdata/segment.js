// Feeds events to the published destination, as Segment does when its fields
// are mapped as suggested, and prints what came of each. Reads
// {settings, steps: [{call, action, event}]} on standard input.
'use strict'
const { Destination } = require('@segment/actions-core')
const { default: definition } = require('@segment/action-destinations/dist/destinations/friendbuy')

const destination = new Destination(definition)

const suggested = (action) =>
  Object.fromEntries(Object.entries(definition.actions[action].fields).flatMap(([name, field]) => ('default' in field ? [[name, field.default]] : [])))

const calls = {
  testAuthentication: (settings) => destination.testAuthentication(settings),
  onDelete: (settings, { event }) => destination.onDelete(event, settings),
  action: (settings, { action, event }) => destination.executeAction(action, { event, mapping: suggested(action), settings }),
}

async function main() {
  const { settings, steps } = JSON.parse(require('node:fs').readFileSync(0, 'utf8'))
  const outcomes = []
  for (const step of steps) {
    const before = destination.responses.length
    try {
      await calls[step.call](settings, step)
      outcomes.push({ ok: true, statuses: destination.responses.slice(before).map((r) => r.status) })
    } catch (error) {
      outcomes.push({ ok: false, error: `${error.message} ${error.response?.status ?? ''} ${JSON.stringify(error.response?.data ?? '')}` })
    }
  }
  console.log(JSON.stringify(outcomes))
}

main()
