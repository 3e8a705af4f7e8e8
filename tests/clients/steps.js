// What the readers in JavaScript share.

/** The API that is read, `http://127.0.0.1:…/api/v2`. */
export const api = setting("API_URL");
/** The token of user 1017, whom nothing sets apart. */
export const token = setting("USER_TOKEN");

/** A reader: runs steps one after another and prints a line for each. The first that fails ends it. */
export function reader(name) {
  return async (step, act) => {
    let told;
    try {
      told = await act();
    } catch (error) {
      console.error(`${name}: ${step}: FAILED`);
      throw error;
    }
    console.log(`${name}: ${step}: ${told}`);
  };
}

function setting(name) {
  const value = process.env[name];
  if (!value) throw new Error(`${name} is not set; this is started by tests/clients/run`);
  return value;
}
