using PostTrainGate.Policy;

namespace PostTrainGate.Data;

/// <summary>Reads the rows a policy names, encodes them, and splits them.</summary>
public static class DataReader
{
    /// <summary>The three splits: disjoint, seeded, stratified by label and group; encoders fitted on the repair split.</summary>
    /// <exception cref="GateException">PTG3xxx with the place in the policy.</exception>
    public static DataSplits Read(GatePolicy policy) => throw new NotImplementedException();
}
