using PostTrainGate.Foundation;

namespace PostTrainGate.Gating;

/// <summary>
/// Renders a <see cref="GateResult"/> to text. Everything that came from a model, data or policy file is escaped.
/// </summary>
public interface IReportWriter : INamed
{
    /// <summary>Name of the file it makes.</summary>
    string FileName { get; }

    /// <summary>Whether it is written without being asked for.</summary>
    bool Always { get; }

    /// <summary>
    /// A regular expression that the beginning of every such file matches, and hardly that of another: what an earlier
    /// run wrote may be replaced.
    /// </summary>
    string Mark { get; }

    /// <summary>The whole file.</summary>
    string Render(GateResult result);
}
