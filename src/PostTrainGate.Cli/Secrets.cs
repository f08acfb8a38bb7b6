using System.Collections;

namespace PostTrainGate.Cli;

/// <summary>Environment variables that no child process needs: what talks to GitHub is this process alone.</summary>
internal static class Secrets
{
    private static readonly string[] Words = ["TOKEN", "SECRET", "PASSWORD"];

    /// <summary>Names of the variables of this process that seem to hold one.</summary>
    public static IEnumerable<string> Names() =>
        Environment
            .GetEnvironmentVariables()
            .Cast<DictionaryEntry>()
            .Select(variable => (string)variable.Key)
            .Where(name => Words.Any(word => name.Contains(word, StringComparison.OrdinalIgnoreCase)));
}
