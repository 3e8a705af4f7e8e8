// Helpers for the tests in JavaScript.

/** The URL of the API, `http://127.0.0.1:…/api/v2`. */
export const api = setting("API_URL");
/** The token of user 1017, who has the access level `user`. */
export const token = setting("USER_TOKEN");

/** Returns a function that runs a step and prints its result. A failed step ends the script. */
export function stepRunner(name) {
  return async (step, act) => {
    let result;
    try {
      result = await act();
    } catch (error) {
      console.error(`${name}: ${step}: FAILED`);
      throw error;
    }
    console.log(`${name}: ${step}: ${result}`);
  };
}

function setting(name) {
  const value = process.env[name];
  if (!value) throw new Error(`${name} is not set; start this script with tests/clients/run`);
  return value;
}
