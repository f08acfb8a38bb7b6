using PostTrainGate.Foundation;

namespace PostTrainGate.Cli.Base;

/// <summary>
/// The base may have a policy, and it cannot be read: then there is no verdict, as the change's own gates would let it
/// set its own bar.
/// </summary>
/// <param name="why">What cannot be read and why, in sentences.</param>
internal sealed class BaseUnreadableException(string why) : Exception(why)
{
    /// <summary>What is said.</summary>
    /// <param name="file">The policy.</param>
    public Diagnostic Diagnostic(string file) =>
        new(
            DiagnosticCodes.BaseUnavailable,
            $"The base branch's policy cannot be read, so there is no verdict. {Message}",
            new SourcePosition(file, 1, 1)
        );
}
