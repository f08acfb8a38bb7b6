using System.Collections.Immutable;
using PostTrainGate.Reading;

namespace PostTrainGate.Cli.Init;

/// <summary>What <c>posttraingate init</c> was asked.</summary>
internal sealed record InitOptions
{
    /// <summary>The ONNX file.</summary>
    public required string Model { get; init; }

    /// <summary>The data: a file, or a folder of images.</summary>
    public required string Data { get; init; }

    /// <summary>The policy to write.</summary>
    public string Output { get; init; } = PolicyReader.FileName;

    /// <summary>The column or array with the labels; null: it is asked or guessed.</summary>
    public string? Label { get; init; }

    /// <summary>Columns whose groups are compared; default: they are asked or guessed.</summary>
    public ImmutableArray<string>? Sensitive { get; init; }

    /// <summary>The favorable label; null: it is asked or guessed.</summary>
    public string? Favorable { get; init; }

    /// <summary>Columns that are not inputs of the model; default: they are found out.</summary>
    public ImmutableArray<string>? Except { get; init; }

    /// <summary>Whether the guesses are taken without a question.</summary>
    public bool Yes { get; init; }

    /// <summary>Whether a policy that is there is replaced.</summary>
    public bool Force { get; init; }
}
