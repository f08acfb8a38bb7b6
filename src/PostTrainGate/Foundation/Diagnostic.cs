using System.Globalization;
using System.Text.Json.Serialization;

namespace PostTrainGate.Foundation;

/// <summary>A place in a text file; line and column count from 1.</summary>
/// <param name="File">Path as the user gave it.</param>
/// <param name="Line">Line, from 1; 0 where only the file is known.</param>
/// <param name="Column">Column, from 1; 0 where only the line is known.</param>
public readonly record struct SourcePosition(string File, int Line, int Column)
{
    /// <summary>The form MSBuild and editors recognize: <c>file(line,column)</c>.</summary>
    public override string ToString() =>
        Line == 0 ? File : string.Create(CultureInfo.InvariantCulture, $"{File}({Line},{Column})");
}

/// <summary>How much a <see cref="Diagnostic"/> weighs.</summary>
public enum Severity
{
    /// <summary>Worth knowing; nothing is wrong.</summary>
    Note,

    /// <summary>The run goes on, its result may not be what was meant.</summary>
    Warning,

    /// <summary>The run cannot give a result.</summary>
    Error,
}

/// <summary>One thing that is wrong: what was found, where, and what would be right.</summary>
/// <param name="Code">Stable code, <c>PTG</c> and four digits; the first digit names the area (see
/// <see cref="DiagnosticCodes"/>).</param>
/// <param name="Message">One sentence: what was found and what would be right.</param>
/// <param name="Position">The place in the policy or data file, where there is one.</param>
/// <param name="Severity">Error unless said otherwise.</param>
public sealed record Diagnostic(
    string Code,
    string Message,
    SourcePosition? Position = null,
    Severity Severity = Severity.Error
)
{
    /// <summary>
    /// What the key that the message names would rightly hold, where that is known: the classes in the model's order.
    /// </summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public IReadOnlyList<string>? Suggested { get; init; }

    /// <summary>The canonical line of MSBuild: <c>file(line,column): error PTG1001: message</c>.</summary>
    public override string ToString()
    {
        var level = Severity switch
        {
            Severity.Error => "error",
            Severity.Warning => "warning",
            _ => "message",
        };
        return Position is { } at ? $"{at}: {level} {Code}: {Message}" : $"posttraingate: {level} {Code}: {Message}";
    }
}

/// <summary>Carries diagnostics from the depth of the engine to its edge, where they are values again.</summary>
public sealed class GateException : Exception
{
    /// <summary>With one or more diagnostics, the first of which gives the message.</summary>
    public GateException(params IReadOnlyList<Diagnostic> diagnostics)
        : base(diagnostics[0].Message) => Diagnostics = diagnostics;

    /// <summary>With one diagnostic and what caused it.</summary>
    public GateException(Diagnostic diagnostic, Exception inner)
        : base(diagnostic.Message, inner) => Diagnostics = [diagnostic];

    /// <summary>What is wrong, at least one.</summary>
    public IReadOnlyList<Diagnostic> Diagnostics { get; }
}
