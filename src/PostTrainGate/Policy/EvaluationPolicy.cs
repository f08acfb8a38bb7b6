using System.Collections.Immutable;

namespace PostTrainGate.Policy;

/// <summary>
/// What the policy says of a model and the data it is measured on, immutable, with the places it says it at.
/// </summary>
public record EvaluationPolicy
{
    /// <summary>Path of the policy file as given, for messages.</summary>
    public required string File { get; init; }

    /// <summary>Absolute folder of the policy; every path below is inside it.</summary>
    public required string Folder { get; init; }

    /// <summary>Seed of everything random in a run.</summary>
    public int Seed { get; init; } = 1;

    /// <summary>
    /// The ONNX file that the gate reads; null where the data hold predictions that were made elsewhere.
    /// </summary>
    public PolicyPath? Model { get; init; }

    /// <summary>Where inputs, labels and columns come from.</summary>
    public required DataPolicy Data { get; init; }

    /// <summary>The domain of the model's inputs.</summary>
    public InputPolicy Input { get; init; } = new();

    /// <summary>Which output of the model is read, and what it holds.</summary>
    public OutputPolicy Output { get; init; } = new();

    /// <summary>Named groups, in the order of the file.</summary>
    public ImmutableArray<GroupPolicy> Groups { get; init; } = [];

    /// <summary>Whether inputs are changed to measure the model, so that their bounds count.</summary>
    public virtual bool ChangesInputs => false;

    /// <summary>Whether what changes them keeps them within one pair of bounds for all.</summary>
    internal virtual bool KeepsBounds => ChangesInputs;
}
