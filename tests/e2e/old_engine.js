// What a person finds on a page: things by their names, words by reading. Syntax of Chromium 87.
const CONTROLS = 'a[href], button, summary, input, textarea, canvas[aria-label]'
const GROUPS = 'fieldset, section, [role=group], [role=dialog]'

const words = (text) => (text || '').replace(/\s+/g, ' ').trim()

function named(element) {
  const label = element.getAttribute('aria-label')
  if (label) return words(label)
  const by = element.getAttribute('aria-labelledby')
  if (by) return words(by.split(' ').map((id) => (document.getElementById(id) || {}).textContent).join(' '))
  if (element.labels && element.labels.length) return words(Array.from(element.labels, (one) => one.textContent).join(' '))
  if (element.matches('fieldset')) return words((element.querySelector('legend') || {}).textContent)
  if (element.matches('section')) return words((element.querySelector('h2, h3') || {}).textContent)
  return words(element.textContent)
}

/** What a finger would touch: the thing itself, or its label where the thing itself is drawn by its label. */
function touchable(element) {
  return [element, ...(element.labels || [])].find((one) => {
    const box = one.getBoundingClientRect()
    return box.width > 4 && box.height > 4 && getComputedStyle(one).visibility === 'visible'
  })
}

/** The best of the elements with this name: the same, else beginning with it, else containing it. */
function best(elements, name) {
  const all = elements.map((element) => [element, named(element)])
  for (const fits of [(one) => one === name, (one) => one.startsWith(name), (one) => one.includes(name)]) {
    const found = all.filter(([, one]) => fits(one))
    if (found.length) return found[0][0]
  }
  return undefined
}

function find(name, within) {
  const group = within ? best(Array.from(document.querySelectorAll(GROUPS)), within) : document
  if (!group) return undefined
  return best(Array.from(group.querySelectorAll(CONTROLS)).filter((one) => !one.disabled && touchable(one)), name)
}

/** {x, y} of the middle of a control, scrolled into view; a sentence when a finger would not reach it. */
function reach(name, within) {
  const element = find(name, within)
  if (!element) return 'not found'
  const target = touchable(element)
  target.scrollIntoView({ block: 'center' })
  const box = target.getBoundingClientRect()
  const [x, y] = [Math.round(box.left + box.width / 2), Math.round(box.top + box.height / 2)]
  const hit = document.elementFromPoint(x, y)
  const reached = hit && (target.contains(hit) || hit.contains(element))
  return reached ? { x, y, left: box.left, top: box.top, width: box.width, height: box.height } : 'covered'
}

/** Touches travel another way than our scripts, which can overtake them: whoever touches waits until this has grown. */
let touches = 0
document.addEventListener('click', () => touches++, true)

/** Types into a field in place of what is there, by the engine's own editing. */
function type(name, text, within) {
  const field = find(name, within)
  if (!field) return 'not found'
  field.scrollIntoView({ block: 'center' })
  field.focus()
  field.select()
  if (!document.execCommand('insertText', false, text)) return 'refused'
  field.blur()
  return ''
}

/** Gives a drawn photo to a file field, as the camera app would. */
function photograph(name, within) {
  const field = find(name, within)
  if (!field) return 'not found'
  const canvas = document.createElement('canvas')
  canvas.width = 1200
  canvas.height = 900
  const pen = canvas.getContext('2d')
  pen.fillStyle = '#dfe8d8'
  pen.fillRect(0, 0, 1200, 900)
  pen.strokeStyle = '#335'
  for (let step = 0; step < 30; step++) pen.strokeRect(40 + 18 * step, 40 + 13 * step, 500, 400)
  const bytes = Uint8Array.from(atob(canvas.toDataURL('image/jpeg', 0.9).split(',')[1]), (one) => one.charCodeAt(0))
  const files = new DataTransfer()
  files.items.add(new File([bytes], '平面图.jpg', { type: 'image/jpeg' }))
  field.files = files.files
  field.dispatchEvent(new Event('change', { bubbles: true }))
  return ''
}

const text = () => (document.body ? document.body.innerText : '')

/** How far the page can be pushed sideways, in pixels. */
const overhang = () => document.documentElement.scrollWidth - document.documentElement.clientWidth

/** What was done is drawn: two frames later. */
let drawn = false
function draw() {
  drawn = false
  requestAnimationFrame(() => requestAnimationFrame(() => (drawn = true)))
}
