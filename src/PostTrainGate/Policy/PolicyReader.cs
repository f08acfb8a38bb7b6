using System.Collections.Immutable;

namespace PostTrainGate.Policy;

/// <summary>Reads <c>posttraingate.yml</c>.</summary>
public static class PolicyReader
{
    /// <summary>Name of the file that is looked for when a folder is given.</summary>
    public const string FileName = "posttraingate.yml";

    /// <summary>Reads a policy and reports everything that is wrong with it at once.</summary>
    /// <param name="path">The file, or a folder that holds <see cref="FileName"/>.</param>
    /// <returns>The policy, null when any diagnostic is an error, and the diagnostics in the order of the file.</returns>
    public static (GatePolicy? Policy, ImmutableArray<Diagnostic> Diagnostics) Read(string path) => throw new NotImplementedException();
}
