// What a page looks like to a finger and to a narrow screen: measured, not judged. Evaluates to an object.
(() => {
  const shown = (element) => {
    const style = getComputedStyle(element)
    const box = element.getBoundingClientRect()
    return style.visibility !== 'hidden' && style.pointerEvents !== 'none' && box.width > 1 && box.height > 1
  }
  // A label is as good to touch as the field it belongs to.
  const surface = (element) => {
    const boxes = [element, ...(element.labels ?? []), element.closest('label')].filter(Boolean)
    return boxes.map((one) => one.getBoundingClientRect()).reduce((a, b) => (a.width * a.height >= b.width * b.height ? a : b))
  }
  const inline = (element) => element.tagName === 'A' && getComputedStyle(element).display === 'inline'
  const targets = [...document.querySelectorAll('button, a[href], [role=button], summary, select, textarea, input:not([type=hidden])')]
  const small = targets
    .filter((element) => !inline(element) && !element.closest('[aria-hidden=true]'))
    .map((element) => ({ element, box: surface(element) }))
    .filter(({ element, box }) => (shown(element) || element.labels?.length) && box.width > 1 && box.height > 1)
    .filter(({ box }) => box.bottom + scrollY > 0 && box.right > 0) // what waits outside the page comes in for keyboards only
    .filter(({ box }) => box.width < 43.5 || box.height < 43.5)
    .map(({ element, box }) => `${element.tagName} "${(element.innerText || element.ariaLabel || element.name || element.className).trim().slice(0, 30)}" ${Math.round(box.width)}×${Math.round(box.height)}`)
  const wide = document.documentElement.scrollWidth - innerWidth
  const sticking = [...document.querySelectorAll('body *')]
    .filter((element) => element.getBoundingClientRect().right > innerWidth + 1 && shown(element))
    .map((element) => `${element.tagName}.${element.className}`)
  return { small, wide, sticking: wide > 0 ? sticking.slice(0, 5) : [] }
})()
