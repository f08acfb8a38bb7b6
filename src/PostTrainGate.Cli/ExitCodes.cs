using PostTrainGate.Gating;

namespace PostTrainGate.Cli;

/// <summary>
/// Exit codes besides those of <see cref="GateResult.ExitCode"/> (0 passed, 1 a gate failed, 3 undecided).
/// </summary>
internal static class ExitCodes
{
    /// <summary>The policy, the model, the data or the call is wrong.</summary>
    public const int BadInput = 2;

    /// <summary>There may be a policy on the base, and it cannot be read.</summary>
    public const int NoVerdict = 3;

    /// <summary>A defect of the product.</summary>
    public const int Internal = 70;

    /// <summary>Interrupted.</summary>
    public const int Canceled = 130;
}
