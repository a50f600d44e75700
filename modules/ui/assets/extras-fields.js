// Fields of our own forms: a label over a control.

import { element } from "./elements.js";

export function field(label, control) {
  return element("label", { className: "taffy-field-of" }, element("span", {}, label), control);
}

/** tell(value) is called with a number that is allowed; any other is put back. */
export function number(value, range, tell) {
  let last = value;
  const input = element("input", { type: "number", value, ...range });
  input.onchange = () => {
    if (input.value === "" || !input.validity.valid) input.value = last;
    last = input.valueAsNumber;
    tell(last);
  };
  return input;
}

/** options: [{value, label, problem}]; those with a problem cannot be chosen. */
export function select(options, value, tell) {
  const made = options.map((one) => {
    const option = element("option", { value: one.value, selected: one.value === value, disabled: Boolean(one.problem) }, one.label);
    option.title = one.problem ?? "";
    return option;
  });
  return element("select", { onchange: ({ target }) => tell(target.value) }, ...made);
}
